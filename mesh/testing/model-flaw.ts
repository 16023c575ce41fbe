/** A line of the code that is put wrong, to see whether the model notices. */
export interface Flaw {
  /** In mesh/. */
  readonly file: string;
  readonly is: string;
  readonly becomes: string;
}
