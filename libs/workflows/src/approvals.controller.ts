import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { Caller } from '@app/core';
import { Allow, FromCaller, type Page } from '@app/web';
import { Approvals } from './approvals.service.js';
import { ApprovalAnswer, ApprovalId, ApprovalPage, ApprovalQuery, ApprovalView } from './approvals.schemas.js';

@ApiTags('Workflows')
@Controller('api/v1/approvals')
export class ApprovalsController {
  constructor(private readonly approvals: Approvals) {}

  @Get()
  @Allow('tasks:read')
  @ApiOkResponse({
    description: 'Open questions of runs that you may answer, oldest first.',
    standardSchema: ApprovalPage,
  })
  list(
    @FromCaller() caller: Caller,
    @Query({ schema: ApprovalQuery }) query: ApprovalQuery,
  ): Promise<Page<ApprovalView>> {
    return this.approvals.list(caller, query);
  }

  @Post(':id/answer')
  @HttpCode(200)
  @Allow('tasks:write')
  @ApiOkResponse({ description: 'The question, answered: the first answer counts.', standardSchema: ApprovalView })
  answer(
    @FromCaller() caller: Caller,
    @Param('id', { schema: ApprovalId }) id: string,
    @Body({ schema: ApprovalAnswer }) { answer }: ApprovalAnswer,
  ): Promise<ApprovalView> {
    return this.approvals.answer(caller, id, answer);
  }
}
