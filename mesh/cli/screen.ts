/** A terminal that is drawn on over and over, and read a key at a time. */
export interface Screen {
  /** What can be seen now. */
  size(): { readonly rows: number; readonly columns: number };
  /** Begins to read keys; the returned function gives the terminal back as it was. */
  open(onKey: (key: string) => void): () => void;
}

/** The terminal of this process; undefined where input or output is none. */
export function processScreen(): Screen | undefined {
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !stdout.isTTY) return undefined;
  return {
    size: () => ({ rows: stdout.rows, columns: stdout.columns }),
    open(onKey) {
      const read = (bytes: Buffer): void => {
        for (const key of bytes.toString()) onKey(key);
      };
      stdin.setRawMode(true);
      stdin.on('data', read);
      // A page of its own, without a cursor: what stood in the terminal is there again afterwards.
      stdout.write('\u001b[?1049h\u001b[?25l');
      return () => {
        stdin.off('data', read);
        stdin.setRawMode(false);
        stdin.pause();
        stdout.write('\u001b[?25h\u001b[?1049l');
      };
    },
  };
}

/** `text` as one picture: what does not fit is cut off, and what stood there before is gone. */
export function framed(text: string, screen: Pick<Screen, 'size'>): string {
  const { rows, columns } = screen.size();
  // The last row stays free: whoever ends a line there moves the whole picture up.
  const lines = text.split('\n').slice(0, Math.max(1, rows - 1));
  // Line by line and not by clearing it all first, which flickers.
  return `\u001b[H${lines.map((line) => `${line.slice(0, columns)}\u001b[K`).join('\n')}\u001b[J`;
}
