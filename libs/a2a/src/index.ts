export { A2aClient } from './a2a.client.js';
export { A2aModule } from './a2a.module.js';
export { cleanJson } from './clean.js';
export { AgentError } from './errors.js';
export {
  type AgentCard,
  type AgentConnection,
  type AgentEvent,
  type AgentInterface,
  type Artifact,
  type Credentials,
  type FetchedCard,
  type OutgoingMessage,
  type Part,
  type Skill,
  TASK_STATES,
  type TaskState,
} from './model.js';
export { answerParts, EMPTY_SNAPSHOT, foldEvent, type TaskSnapshot } from './snapshot.js';
export { isFinal, isInterrupted } from './states.js';
