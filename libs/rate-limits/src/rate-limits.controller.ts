import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { Caller } from '@app/core';
import { Allow, FromCaller, type Page } from '@app/web';
import { RateLimitHits } from './rate-limit-hits.js';
import {
  BlockPage,
  BlockView,
  HitQuery,
  Hits,
  NewBlock,
  NewRateLimit,
  RateLimitPage,
  RateLimitQuery,
  RateLimitView,
  RowId,
} from './rate-limits.schemas.js';
import { RateLimitsService } from './rate-limits.service.js';

@ApiTags('Rate limits')
@Controller('api/v1/rate-limits')
export class RateLimitsController {
  constructor(
    private readonly limits: RateLimitsService,
    private readonly offenders: RateLimitHits,
  ) {}

  @Get()
  @Allow('limits:read')
  @ApiOkResponse({
    description: 'What usually holds, and for whom something else does.',
    standardSchema: RateLimitPage,
  })
  list(@Query({ schema: RateLimitQuery }) query: RateLimitQuery): Promise<RateLimitPage> {
    return this.limits.list(query);
  }

  @Put()
  @Allow('limits:write')
  @ApiOkResponse({
    description: 'Holds instead of the usual for this principal, this agent, or the two together.',
    standardSchema: RateLimitView,
  })
  set(@FromCaller() caller: Caller, @Body({ schema: NewRateLimit }) input: NewRateLimit): Promise<RateLimitView> {
    return this.limits.set(caller, input);
  }

  @Get('hits')
  @Allow('limits:read')
  @ApiOkResponse({ description: 'Who met limits in the last hour, the worst first.', standardSchema: Hits })
  hits(@Query({ schema: HitQuery }) { limit }: HitQuery): Promise<Hits> {
    return this.offenders.top(limit);
  }

  @Get('blocked')
  @Allow('limits:read')
  @ApiOkResponse({ standardSchema: BlockPage })
  listBlocked(@Query({ schema: RateLimitQuery }) query: RateLimitQuery): Promise<Page<BlockView>> {
    return this.limits.listBlocked(query);
  }

  @Post('blocked')
  @Allow('limits:write')
  @ApiCreatedResponse({ description: 'Every door is closed to it, on every replica.', standardSchema: BlockView })
  block(@FromCaller() caller: Caller, @Body({ schema: NewBlock }) input: NewBlock): Promise<BlockView> {
    return this.limits.block(caller, input);
  }

  @Delete('blocked/:id')
  @HttpCode(204)
  @Allow('limits:write')
  @ApiNoContentResponse()
  unblock(@FromCaller() caller: Caller, @Param('id', { schema: RowId }) id: string): Promise<void> {
    return this.limits.unblock(caller, id);
  }

  @Delete(':id')
  @HttpCode(204)
  @Allow('limits:write')
  @ApiNoContentResponse({ description: 'The usual holds again.' })
  remove(@FromCaller() caller: Caller, @Param('id', { schema: RowId }) id: string): Promise<void> {
    return this.limits.remove(caller, id);
  }
}
