import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { type Caller, DomainError } from '@app/core';
import { Allow, FromCaller, type Page } from '@app/web';
import { NewSession, SessionId, SessionPage, SessionQuery, SessionView } from './sessions.schemas.js';
import { SessionsService } from './sessions.service.js';

@ApiTags('Sessions')
@Controller('api/v1/sessions')
export class SessionsController {
  constructor(private readonly sessions: SessionsService) {}

  @Post()
  @Allow('tasks:write')
  @ApiCreatedResponse({ description: 'An open session, new or known.', standardSchema: SessionView })
  async open(
    @FromCaller() caller: Caller,
    @Body({ schema: NewSession.default({}) }) { sessionId }: NewSession,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SessionView> {
    const session = await this.sessions.open(caller, sessionId);
    void reply.header('location', `/api/v1/sessions/${session.sessionId}`);
    return session;
  }

  @Get()
  @Allow('tasks:read')
  @ApiOkResponse({ description: 'Your open sessions, newest first.', standardSchema: SessionPage })
  list(@FromCaller() caller: Caller, @Query({ schema: SessionQuery }) query: SessionQuery): Promise<Page<SessionView>> {
    return this.sessions.list(caller, query);
  }

  @Get(':id')
  @Allow('tasks:read')
  @ApiOkResponse({ description: 'One open session.', standardSchema: SessionView })
  get(@FromCaller() caller: Caller, @Param('id', { schema: SessionId }) id: string): Promise<SessionView> {
    return this.sessions.get(caller, id);
  }

  @Delete(':id')
  @HttpCode(204)
  @Allow('tasks:write')
  @ApiNoContentResponse({ description: 'Closed. Its tasks go on.' })
  async close(@FromCaller() caller: Caller, @Param('id', { schema: SessionId }) id: string): Promise<void> {
    if (!(await this.sessions.close(caller, id))) throw new DomainError('not_found', `No open session ${id}`);
  }
}
