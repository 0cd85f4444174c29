import { Global, Module } from '@nestjs/common';
import { Expressions } from './expressions.js';

@Global()
@Module({ providers: [Expressions], exports: [Expressions] })
export class ExpressionsModule {}
