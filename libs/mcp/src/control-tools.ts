import { type ControlService, controlTools } from '@app/control';
import type { Caller } from '@app/core';
import type { Tool } from '@app/mcp-protocol';
import { structuredTool } from './structured-tool.js';

/** The eight tools that work on all agents: what there is, sessions, and requests that are followed by their id. */
export const controlToolsOf = (control: ControlService): Tool<Caller>[] =>
  controlTools.map((tool) => structuredTool({ ...tool, call: (call, input) => tool.call(control, call, input) }));
