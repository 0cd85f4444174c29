import type { JsonObject, Trace } from '@app/core';
import type { SpanAttributes } from '@app/telemetry';

/** A2A task states, spelled as in A2A 0.3 (1.0 spells them `TASK_STATE_INPUT_REQUIRED`); this is how we store them. */
export const TASK_STATES = [
  'submitted',
  'working',
  'input-required',
  'auth-required',
  'completed',
  'failed',
  'rejected',
  'canceled',
] as const;
export type TaskState = (typeof TASK_STATES)[number];

/** A2A 1.0 `Part` (ProtoJSON): exactly one of `text`, `data`, `raw` (base64) and `url` is there. */
export interface Part {
  readonly text?: string;
  readonly data?: unknown;
  readonly raw?: string;
  readonly url?: string;
  readonly filename?: string;
  readonly mediaType?: string;
  readonly metadata?: JsonObject;
}

export interface Artifact {
  readonly artifactId: string;
  readonly name?: string;
  readonly description?: string;
  readonly parts: readonly Part[];
}

/** What we say to an agent. */
export interface OutgoingMessage {
  /** Ours; a resend after a takeover carries the same one. */
  readonly messageId: string;
  readonly parts: readonly Part[];
  readonly contextId?: string;
  readonly taskId?: string;
  readonly metadata?: JsonObject;
}

/** What an agent says, in one shape for both A2A versions, both bindings, streamed or polled. */
export type AgentEvent =
  | {
      /** The whole task as the agent holds it; replaces what was known. */
      readonly kind: 'task';
      readonly taskId: string;
      readonly contextId?: string;
      readonly state: TaskState;
      /** The status message. */
      readonly message?: readonly Part[];
      readonly artifacts: readonly Artifact[];
      /** The agent's own messages after our last one, oldest first. */
      readonly history: readonly (readonly Part[])[];
    }
  | {
      readonly kind: 'status';
      readonly taskId: string;
      readonly contextId?: string;
      readonly state: TaskState;
      readonly message?: readonly Part[];
    }
  | {
      readonly kind: 'artifact';
      readonly taskId: string;
      readonly contextId?: string;
      readonly artifact: Artifact;
      /** Add the parts to the artifact of that id (made when unknown) instead of replacing it. */
      readonly append: boolean;
      readonly lastChunk: boolean;
    }
  | {
      /** A direct answer: there is no task. */
      readonly kind: 'message';
      readonly contextId?: string;
      readonly parts: readonly Part[];
    };

export interface Skill {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly examples: readonly string[];
  readonly inputModes?: readonly string[];
  readonly outputModes?: readonly string[];
}

/** One address of an agent. */
export interface AgentInterface {
  readonly url: string;
  /** `JSONRPC`, `HTTP+JSON`, `GRPC` or a URI; we speak the first two. */
  readonly binding: string;
  /** Which wire to speak there; a card without `supportedInterfaces` is 0.3 whatever it claims. */
  readonly version: '1.0' | '0.3';
  readonly tenant?: string;
}

/** An A2A Agent Card of any version, normalised. The raw card is kept beside it, verbatim. */
export interface AgentCard {
  readonly name: string;
  readonly description: string;
  readonly version: string;
  /** In the agent's order of preference. */
  readonly interfaces: readonly AgentInterface[];
  readonly streaming: boolean;
  readonly inputModes: readonly string[];
  readonly outputModes: readonly string[];
  readonly skills: readonly Skill[];
  readonly provider?: string;
  readonly documentationUrl?: string;
  readonly iconUrl?: string;
}

/** What we show an agent. */
export type Credentials =
  | { readonly type: 'bearer'; readonly token: string }
  | { readonly type: 'apiKey'; readonly in: 'header' | 'query'; readonly name: string; readonly value: string };

/** All that is needed to talk to one agent. */
export interface AgentConnection {
  readonly card: AgentCard;
  readonly credentials?: Credentials;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The origins that may see the credentials and the headers; a card alone cannot add to them. None: nobody sees them. */
  readonly origins?: readonly string[];
  /** What is done with it belongs to this trace. */
  readonly trace?: Trace;
  /** What spans of its calls tell beside what they know themselves. */
  readonly spanAttributes?: SpanAttributes;
}

/** A card as it was fetched. */
export interface FetchedCard {
  readonly card: AgentCard;
  /** Verbatim. */
  readonly raw: JsonObject;
  /** Where it was found; where it is fetched again. */
  readonly url: string;
  readonly etag?: string;
}
