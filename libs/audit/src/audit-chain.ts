import type { AuditEvent } from './audit-event.js';

/** An event at its place in the chain of one process. */
export interface ChainedEvent {
  readonly chain: string;
  /** From 1, without a gap. */
  readonly seq: number;
  /** Milliseconds matter, so does nothing finer. */
  readonly at: Date;
  readonly kind: string;
  readonly action: string;
  readonly outcome: string;
  readonly principal: string | null;
  readonly keyId: string | null;
  readonly address: string | null;
  readonly agent: string | null;
  readonly skill: string | null;
  readonly subject: string | null;
  /** JSON text: kept letter by letter, since it is signed. */
  readonly detail: string | null;
}

export function chained(chain: string, seq: number, at: Date, event: AuditEvent): ChainedEvent {
  const { kind, action, outcome, principal, keyId, address, agent, skill, subject, detail } = event;
  // What comes out of a row may hold null, and must never stop the chain.
  const text = (value: string | null | undefined): string | null => (value == null ? null : storable(String(value)));
  return {
    chain,
    seq,
    at,
    kind,
    action,
    outcome,
    principal: text(principal),
    keyId: text(keyId),
    address: text(address),
    agent: text(agent),
    skill: text(skill),
    subject: text(subject),
    detail: detail == null ? null : storable(JSON.stringify(detail)),
  };
}

/** What the mac of an event is made over: everything there is to it, and the mac before it. */
export function signedText(event: ChainedEvent, before: string): string {
  const { chain, seq, at, kind, action, outcome, principal, keyId, address, agent, skill, subject, detail } = event;
  const who = [principal, keyId, address, agent, skill, subject];
  return JSON.stringify([before, chain, seq, at.toISOString(), kind, action, outcome, ...who, detail]);
}

/** How far a chain had come when an anchor was made. */
export interface Head {
  readonly chain: string;
  readonly seq: number;
  readonly mac: string;
}

export interface Anchor {
  /** From 1, without a gap. */
  readonly seq: number;
  readonly at: Date;
  /** Of the chains that had moved since the anchor before. */
  readonly heads: readonly Head[];
}

export function anchorText({ seq, at, heads }: Anchor, before: string): string {
  return JSON.stringify([before, seq, at.toISOString(), heads.map(({ chain, seq: n, mac }) => [chain, n, mac])]);
}

/** PostgreSQL stores no NUL and no lone surrogate. */
const storable = (text: string): string => Buffer.from(text.replaceAll('\u0000', '\ufffd')).toString();
