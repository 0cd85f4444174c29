export { A2aClient } from './a2a.client.js';
export { A2aModule } from './a2a.module.js';
export { cleanJson, cleanText } from './clean.js';
export { AgentError } from './errors.js';
export { readParts } from './read-event.js';
export { isFinal, isInterrupted } from './states.js';
export { TASK_STATES } from './model.js';
export type {
  AgentCard,
  AgentConnection,
  AgentEvent,
  Artifact,
  Credentials,
  FetchedCard,
  OutgoingMessage,
  Part,
  Skill,
  TaskState,
} from './model.js';
export { answerParts, EMPTY_SNAPSHOT, foldEvent, type TaskSnapshot } from './snapshot.js';
