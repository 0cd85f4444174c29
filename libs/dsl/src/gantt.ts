import { label, type TaskState } from './mermaid-text.js';

export interface GanttRow {
  /** JSON Pointer to the task. */
  readonly pointer: string;
  readonly name: string;
  readonly start: Date;
  /** Absent while it is not over: drawn to the last moment that any row knows. */
  readonly end?: Date;
  readonly state: TaskState;
}

const TAGS: Partial<Record<TaskState, string>> = {
  completed: 'done',
  running: 'active',
  waiting: 'active',
  faulted: 'crit',
  cancelled: 'crit',
};

/** A Mermaid Gantt chart of the tasks of a run: a section for the workflow's own, and one for each task that holds others. */
export function ganttOf(rows: readonly GanttRow[]): string {
  const last = Math.max(...rows.flatMap(({ start, end = start }) => [start.getTime(), end.getTime()]));
  const sections = new Map<string, GanttRow[]>();
  for (const row of rows) {
    const section = sectionOf(row.pointer);
    sections.set(section, [...(sections.get(section) ?? []), row]);
  }
  const lines = [...sections].flatMap(([section, inside]) => [
    `  section ${lead(section)}`,
    ...inside.map((row) => `  ${lead(row.name)} :${bar(row, last)}`),
  ]);
  return ['gantt', '  dateFormat x', '  axisFormat %H:%M:%S', ...lines, ''].join('\n');
}

/** Keywords of Mermaid are known at the start of a line, where a name could be one. */
const lead = (name: string): string => `• ${label(name)}`;

function bar({ start, end, state }: GanttRow, last: number): string {
  const from = start.getTime();
  // A bar without any length would not be drawn.
  const to = Math.max(end?.getTime() ?? last, from + 1);
  return [TAGS[state], from, to].filter((part) => part !== undefined).join(', ');
}

/** The task of the workflow's own list in which a task stands, or the workflow. */
function sectionOf(pointer: string): string {
  const [, , , name, ...inner] = pointer.split('/');
  return inner.length > 0 && name !== undefined ? name.replaceAll('~1', '/').replaceAll('~0', '~') : 'workflow';
}
