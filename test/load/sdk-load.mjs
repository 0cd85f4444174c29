/** Calls an agent the direct way, with the client of the A2A SDK. */
import { randomUUID } from 'node:crypto';
import { Message } from '@a2a-js/sdk';
import { ClientFactory } from '@a2a-js/sdk/client';
import { takeJobs } from './loops.mjs';

const factory = new ClientFactory();

takeJobs(async ({ agent, text, streamed }) => {
  const client = await factory.createFromUrl(agent, '.well-known/agent-card.json');
  const send = async () => {
    const message = Message.fromJSON({ messageId: randomUUID(), role: 'ROLE_USER', parts: [{ text }] });
    if (!streamed) return client.sendMessage({ message });
    let last;
    for await (const event of client.sendMessageStream({ message })) last = event;
    return last;
  };
  const call = async () => {
    const answer = JSON.stringify(await send());
    return answer.includes(text) ? undefined : answer;
  };
  return () => ({ call, close: () => undefined });
});
