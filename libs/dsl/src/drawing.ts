import { label, type TaskState } from './mermaid-text.js';

/** Around the quoted label of a node. */
const SHAPES = {
  box: ['[', ']'],
  round: ['([', '])'],
  circle: ['((', '))'],
  diamond: ['{', '}'],
  hexagon: ['{{', '}}'],
  double: ['[[', ']]'],
  flag: ['>', ']'],
} as const;

const COLOURS: Readonly<Record<TaskState, string>> = {
  pending: 'fill:#f6f8fa,stroke:#8c959f,color:#57606a',
  running: 'fill:#ddf4ff,stroke:#0969da,color:#0a3069,stroke-width:2px',
  waiting: 'fill:#fff8c5,stroke:#9a6700,color:#4d2d00',
  completed: 'fill:#dafbe1,stroke:#1a7f37,color:#044f1e',
  faulted: 'fill:#ffebe9,stroke:#cf222e,color:#82061e,stroke-width:2px',
  cancelled: 'fill:#eaeef2,stroke:#57606a,color:#24292f,stroke-dasharray:4 3',
  suspended: 'fill:#fbefff,stroke:#8250df,color:#3e1f79',
  skipped: 'fill:#ffffff,stroke:#d0d7de,color:#8c959f,stroke-dasharray:2 2',
};

interface NodeStyle {
  readonly shape: keyof typeof SHAPES;
  /** Below the name. */
  readonly detail?: string;
  /** Of the task whose state colours it. */
  readonly pointer?: string;
}

/** Writes a Mermaid flowchart line by line. Its own ids, so that names appear only as labels. */
export class Drawing {
  private readonly lines: string[] = [];
  private readonly edges: string[] = [];
  private readonly coloured = new Map<TaskState, string[]>();
  private ids = 0;
  private level = 1;
  private end: string | undefined;

  constructor(private readonly states: ReadonlyMap<string, TaskState>) {}

  node(name: string, { shape, detail, pointer }: NodeStyle): string {
    const id = `n${this.ids++}`;
    const [open, close] = SHAPES[shape];
    const text = [name, detail].filter((line) => line !== undefined && line !== '').map((line = '') => label(line));
    this.line(`${id}${open}"${text.join('<br/>') || ' '}"${close}`);
    this.colour(id, pointer);
    return id;
  }

  /** Opens a box around what follows until `close`. */
  open(name: string, pointer?: string): string {
    const id = `g${this.ids++}`;
    this.line(`subgraph ${id}["${label(name)}"]`);
    this.level += 1;
    this.colour(id, pointer);
    return id;
  }

  close(): void {
    this.level -= 1;
    this.line('end');
  }

  edge(from: string, to: string, text?: string): void {
    this.edges.push(text === undefined ? `${from} --> ${to}` : `${from} -->|"${label(text)}"| ${to}`);
  }

  dotted(from: string, to: string, text: string): void {
    this.edges.push(`${from} -.->|"${label(text)}"| ${to}`);
  }

  /** The end of the run, drawn once, outside of every box. */
  finish(): string {
    return (this.end ??= 'finish');
  }

  text(): string {
    const end = this.end === undefined ? [] : [`  ${this.end}(((" ")))`];
    const edges = this.edges.map((edge) => `  ${edge}`);
    const colours = [...this.coloured].flatMap(([state, ids]) => [
      `  classDef ${state} ${COLOURS[state]}`,
      `  class ${ids.join(',')} ${state}`,
    ]);
    return ['flowchart TD', ...this.lines, ...end, ...edges, ...colours, ''].join('\n');
  }

  private line(text: string): void {
    this.lines.push('  '.repeat(this.level) + text);
  }

  private colour(id: string, pointer: string | undefined): void {
    const state = pointer === undefined ? undefined : this.states.get(pointer);
    if (state === undefined) return;
    const ids = this.coloured.get(state);
    if (ids) ids.push(id);
    else this.coloured.set(state, [id]);
  }
}
