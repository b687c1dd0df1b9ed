/** What a check found. `wrong` makes the exit code 1; a `note` is for the operator to know. */
export interface Finding {
  level: 'ok' | 'note' | 'wrong';
  /** What was found and, unless all is well, what to do. */
  text: string;
}

export const ok = (text: string): Finding => ({ level: 'ok', text });
export const note = (text: string): Finding => ({ level: 'note', text });
export const wrong = (text: string): Finding => ({ level: 'wrong', text });
