import { WORK_ROWS } from './work-rows.js';
import { PLATFORM_ROWS } from './platform-rows.js';
import type { Row } from './expressions.js';

/** In the order of the runbook's chapters. */
export const ROWS: readonly Row[] = [...WORK_ROWS, ...PLATFORM_ROWS];
