import type { JsonObject } from '@app/core';
import type { Host, Principal } from './host.js';
import { TASKS_EXTENSION } from './rpc.js';

/** What the host's members say it can do. */
function hostCapabilities<P extends Principal>({ methods = {} }: Host<P>): JsonObject {
  return {
    tools: { listChanged: true },
    ...(methods['resources/list'] && { resources: { subscribe: true, listChanged: true } }),
    ...(methods['prompts/list'] && { prompts: { listChanged: true } }),
    ...(methods['completion/complete'] && { completions: {} }),
  };
}

export const legacyCapabilities = <P extends Principal>(host: Host<P>): JsonObject => ({
  ...hostCapabilities(host),
  logging: {},
});

export const modernCapabilities = <P extends Principal>(host: Host<P>): JsonObject => ({
  ...hostCapabilities(host),
  ...(host.tasks && { extensions: { [TASKS_EXTENSION]: {} } }),
});
