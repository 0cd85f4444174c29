import type { Level } from './frame.js';

/**
 * Whether a level is an execution of a task that its own thread began, and so is told the end of. The first level of a thread
 * is not: it stands for the workflow, for the fork of another thread, or for a task that is being undone.
 */
export const isLasting = ({ task, root }: Level): boolean => task !== '' && root !== true;
