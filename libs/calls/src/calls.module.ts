import { A2aModule } from '@app/a2a';
import { OutboundModule } from '@app/outbound';
import { Module } from '@nestjs/common';
import { A2aCalls } from './a2a-calls.js';
import { A2aTargets } from './a2a-target.js';
import { Authentications } from './authentications.js';
import { HttpCalls } from './http-calls.js';
import { McpCalls } from './mcp-calls.js';
import { Tokens } from './tokens.js';

@Module({
  imports: [A2aModule, OutboundModule],
  providers: [Authentications, Tokens, HttpCalls, McpCalls, A2aTargets, A2aCalls],
  exports: [HttpCalls, McpCalls, A2aCalls],
})
export class CallsModule {}
