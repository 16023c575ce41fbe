/** Runs one section of the bench of events in a process of its own. */
import { runSection } from '../suite/run.ts';
import { sections } from './sections.ts';

await runSection(sections);
