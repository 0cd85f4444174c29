export { FileInput, MAX_FILES, MAX_MESSAGE_LENGTH, partsOf } from './message-parts.js';
export { SessionsService } from './sessions.service.js';
export type { TaskEvent, TaskView } from './task-event.js';
export { TasksModule } from './tasks.module.js';
export { TasksService } from './tasks.service.js';
