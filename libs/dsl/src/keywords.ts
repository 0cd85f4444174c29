import { CALL_KEYWORDS } from './keywords-calls.js';
import { PART_KEYWORDS } from './keywords-parts.js';
import { TASK_KEYWORDS } from './keywords-tasks.js';
import type { Keyword } from './keyword.js';

/**
 * Every keyword of the language that is known here. A row without a `test` is refused, wherever it stands; so is a member
 * that a check knows and this table does not.
 */
export const KEYWORDS: readonly Keyword[] = [...TASK_KEYWORDS, ...CALL_KEYWORDS, ...PART_KEYWORDS];

const rows = new Map(KEYWORDS.map((row) => [row.keyword, row]));

export const keywordRow = (keyword: string): Keyword | undefined => rows.get(keyword);
export const isSupported = (keyword: string): boolean => rows.get(keyword)?.test !== undefined;
