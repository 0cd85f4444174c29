import { randomUUID } from 'node:crypto';
import {
  A2aClient,
  type AgentConnection,
  type AgentEvent,
  answerParts,
  EMPTY_SNAPSHOT,
  foldEvent,
  type OutgoingMessage,
  type TaskSnapshot,
} from '@app/a2a';
import { Config } from '@app/config';
import { Outbound } from '@app/outbound';
import { Metrics, Traces } from '@app/telemetry';
import { afterAll } from 'vitest';

/** A client for the tests of one file, which may talk to this machine. */
export function useClient(): A2aClient {
  const outbound = new Outbound({ allowedNetworks: ['127.0.0.0/8'] });
  afterAll(() => outbound.close());
  return new A2aClient(outbound, new Traces(Config.load({}), new Metrics()));
}

/** What came of one exchange. */
export interface Conversation {
  readonly events: readonly AgentEvent[];
  readonly snapshot: TaskSnapshot;
  /** Its text parts, joined. */
  readonly answer: string;
}

export async function connect(client: A2aClient, url: string): Promise<AgentConnection> {
  const { card } = await client.discover(url, { signal: AbortSignal.timeout(10_000) });
  return { card, origins: [new URL(url).origin] };
}

/** A connection to whatever is there, without a card's detour. */
export function connectTo(
  client: A2aClient,
  url: string,
  { streaming = false, ...more }: Partial<AgentConnection> & { streaming?: boolean } = {},
): AgentConnection {
  const card = client.readCard({ name: 'Stub', url, capabilities: { streaming } });
  return { card, origins: [new URL(url).origin], ...more };
}

export const say = (text: string, rest: Partial<OutgoingMessage> = {}): OutgoingMessage => ({
  messageId: randomUUID(),
  parts: [{ text }],
  ...rest,
});

/** Takes all events in. */
export async function listen(events: AsyncIterable<AgentEvent>): Promise<Conversation> {
  const heard: AgentEvent[] = [];
  let snapshot = EMPTY_SNAPSHOT;
  for await (const event of events) {
    heard.push(event);
    snapshot = foldEvent(snapshot, event);
  }
  const answer = answerParts(snapshot).flatMap(({ text }) => text ?? []);
  return { events: heard, snapshot, answer: answer.join('') };
}
