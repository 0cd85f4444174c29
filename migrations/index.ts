import { AgentsAndApiKeys1763800000002 } from './0002-agents-and-api-keys.js';
import { Revisions1763800000001 } from './0001-revisions.js';
import { Tasks1763800000003 } from './0003-tasks.js';
import { RelayedMessages1763800000004 } from './0004-relayed-messages.js';
import { TaskTrace1763800000008 } from './0008-task-trace.js';
import { Grants1763800000009 } from './0009-grants.js';
import { ApiKeyHolders1763800000010 } from './0010-api-key-holders.js';
import { RateLimits1763800000011 } from './0011-rate-limits.js';
import { Audit1763800000012 } from './0012-audit.js';
import { Backups1763800000013 } from './0013-backups.js';
import { TaskTraceState1763800000014 } from './0014-task-trace-state.js';
import { Workflows1763800000015 } from './0015-workflows.js';
import { WorkflowSecrets1763800000016 } from './0016-workflow-secrets.js';
import { WaitingRuns1763800000017 } from './0017-waiting-runs.js';
import { OfferedEvents1763800000018 } from './0018-offered-events.js';

/** In order. A released migration is never edited; add another. */
export const migrations = [
  Revisions1763800000001,
  AgentsAndApiKeys1763800000002,
  Tasks1763800000003,
  RelayedMessages1763800000004,
  TaskTrace1763800000008,
  Grants1763800000009,
  ApiKeyHolders1763800000010,
  RateLimits1763800000011,
  Audit1763800000012,
  Backups1763800000013,
  TaskTraceState1763800000014,
  Workflows1763800000015,
  WorkflowSecrets1763800000016,
  WaitingRuns1763800000017,
  OfferedEvents1763800000018,
] as const;
