/** What happened to one process, for whoever watches a command at work. */
export interface Progress {
  /** "orders#1". */
  readonly id: string;
  readonly what:
    | 'starting'
    | 'ready'
    /** It did not get ready; it goes on being started. */
    | 'failed'
    /** It was not started, since one that it must come after is not ready. */
    | 'held'
    | 'stopping'
    | 'stopped'
    /** It outlived its grace. */
    | 'killed'
    | 'note';
  /** More in words: the cause of a failure, the text of a note. */
  readonly text?: string;
}

export type Report = (progress: Progress) => void;
