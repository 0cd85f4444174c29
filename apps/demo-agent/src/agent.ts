import type { Behaviour } from './steps.js';

export interface Skill {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly examples: readonly string[];
}

/** One demo agent: what its card says and how it behaves, in no particular A2A version. */
export interface DemoAgent {
  readonly name: string;
  readonly description: string;
  readonly skills: readonly Skill[];
  readonly inputModes: readonly string[];
  readonly outputModes: readonly string[];
  readonly behave: Behaviour;
  /** Misbehaves below A2A too (HTTP errors, garbage, silence) when the message says so. */
  readonly faulty?: boolean;
  /** Answers only those who show the demo key. */
  readonly guarded?: boolean;
  /** How many of its newest tasks it remembers; standard 5,000. */
  readonly remembers?: number;
}
