import { createHash } from 'node:crypto';
import { Controller, Get, Headers, HttpException, Param, Res } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { Caller } from '@app/core';
import { Allow, byteRange, FromCaller, isKnown } from '@app/web';
import { type ArtifactContent, contentOf } from './artifact-content.js';
import { ArtifactId, TaskId } from './tasks.schemas.js';
import { TasksService } from './tasks.service.js';

interface Conditions {
  readonly range?: string;
  readonly 'if-range'?: string;
  readonly 'if-none-match'?: string;
}

/** What agents made, as files. */
@ApiTags('Tasks')
@Controller('api/v1/tasks')
export class TaskArtifactsController {
  constructor(private readonly tasks: TasksService) {}

  @Get(':id/artifacts/:artifactId')
  @Allow('tasks:read')
  @ApiHeader({ name: 'range', required: false, description: 'One range of bytes.' })
  @ApiOkResponse({
    description: 'A single file as its media type, a single text as text, data as JSON, anything else as the artifact.',
  })
  @ApiResponse({ status: 206, description: 'The range that was asked for.' })
  @ApiResponse({ status: 304, description: 'Unchanged since the `If-None-Match`.' })
  @ApiResponse({ status: 416, description: 'There are no such bytes.' })
  async artifact(
    @FromCaller() caller: Caller,
    @Param('id', { schema: TaskId }) id: string,
    @Param('artifactId', { schema: ArtifactId }) artifactId: string,
    @Headers() conditions: Conditions,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Buffer | undefined> {
    return respond(reply, contentOf(await this.tasks.artifact(caller, id, artifactId)), conditions);
  }
}

/** RFC 9110 §13 and §14. @throws HttpException 416 */
function respond(reply: FastifyReply, content: ArtifactContent, conditions: Conditions): Buffer | undefined {
  const { bytes, type, disposition } = content;
  const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
  void reply.headers({ etag, 'accept-ranges': 'bytes', 'cache-control': 'private, no-cache' });
  if (isKnown(conditions['if-none-match'], etag)) {
    void reply.status(304);
    return undefined;
  }
  const isSame = (conditions['if-range'] ?? etag) === etag;
  const range = isSame ? byteRange(conditions.range, bytes.length) : undefined;
  if (range === 'unsatisfiable') {
    void reply.header('content-range', `bytes */${bytes.length}`);
    throw new HttpException(`Range: expected bytes within the ${bytes.length} there are`, 416);
  }
  void reply.headers({
    'content-type': type,
    'content-disposition': disposition,
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; sandbox",
  });
  if (range === undefined) return bytes;
  void reply.status(206).header('content-range', `bytes ${range.first}-${range.last}/${bytes.length}`);
  return bytes.subarray(range.first, range.last + 1);
}
