import { environment } from './environment.ts';
import type { CommandIo } from './mesh-door.ts';

/** The terminal of this process. */
export function processIo(): CommandIo {
  return {
    print: (text) => console.log(text),
    note: (text) => console.error(text),
    environment: environment(),
  };
}
