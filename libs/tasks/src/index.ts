export type { NewTask, TaskEvent, TaskResult } from './task-event.js';
export { TasksModule } from './tasks.module.js';
export { TasksService } from './tasks.service.js';
