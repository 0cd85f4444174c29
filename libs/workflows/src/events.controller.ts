import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiAcceptedResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { Caller } from '@app/core';
import { Allow, FromCaller } from '@app/web';
import { cloudEvent, WorkflowEvents } from './workflow-events.js';

/** CloudEvents 1.0, JSON format; extension attributes pass. */
const CloudEvent = z
  .looseObject({
    specversion: z.literal('1.0'),
    id: z.string().min(1).max(512),
    source: z.string().min(1).max(2_048),
    type: z.string().min(1).max(512),
    data: z.unknown().optional(),
  })
  .meta({ id: 'CloudEvent' });
const Receipt = z
  .object({ isNew: z.boolean().describe('False: an event of this source and id came before.') })
  .meta({ id: 'CloudEventReceipt' });

@ApiTags('Workflows')
@Controller('api/v1/events')
export class EventsController {
  constructor(private readonly events: WorkflowEvents) {}

  @Post()
  @HttpCode(202)
  @Allow('events:write')
  @ApiAcceptedResponse({ description: 'Stored, for every run that listens for it.', standardSchema: Receipt })
  async publish(
    @FromCaller() caller: Caller,
    @Body({ schema: CloudEvent }) event: z.infer<typeof CloudEvent>,
  ): Promise<z.infer<typeof Receipt>> {
    return { isNew: await this.events.publish(caller, cloudEvent(event)) };
  }
}
