import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ExecutorRow } from './executor.entity.js';
import { Executor } from './executor.js';
import { Work } from './work.js';

/** Who works on what: the columns `executor`, `epoch`, `attempts` and `due_at` of `tasks` are moved from one to another here. */
@Module({
  imports: [TypeOrmModule.forFeature([ExecutorRow])],
  providers: [Executor, Work],
  exports: [Executor, Work],
})
export class DurableModule {}
