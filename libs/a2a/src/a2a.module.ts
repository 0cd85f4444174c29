import { OutboundModule } from '@app/outbound';
import { Module } from '@nestjs/common';
import { A2aClient } from './a2a.client.js';

@Module({ imports: [OutboundModule], providers: [A2aClient], exports: [A2aClient] })
export class A2aModule {}
