import { Injectable } from '@nestjs/common';
import type { Artifact, Part } from '@app/a2a';
import { type Caller, DomainError, type JsonObject } from '@app/core';
import { type Handler, type Request, RpcCode, RpcError } from '@app/mcp-protocol';
import { TasksService } from '@app/tasks';
import { expectedFailure } from './expected-failure.js';

const URI = /^a2a-task:\/\/([0-9a-f-]{36})\/artifacts\/([^/]+)$/;

/** The artifacts of the caller's tasks as MCP resources. */
@Injectable()
export class ArtifactResources {
  constructor(private readonly tasks: TasksService) {}

  readonly methods: Readonly<Record<string, Handler<Caller>>> = {
    'resources/list': () => ({ resources: [] }),
    'resources/templates/list': () => ({ resourceTemplates: [template] }),
    'resources/read': (request) => this.read(request),
  };

  private async read({ params, principal }: Request<Caller>): Promise<JsonObject> {
    const uri = String(params.uri);
    const [, taskId, artifactId] = URI.exec(uri) ?? [];
    if (taskId === undefined || artifactId === undefined) throw notFound(uri);
    try {
      const artifact = await this.tasks.artifact(principal, taskId, decodeURIComponent(artifactId));
      return { contents: contentsOf(uri, artifact) };
    } catch (error) {
      if (error instanceof DomainError && error.code === 'not_found') throw notFound(uri);
      const failure = expectedFailure(error);
      throw failure === undefined ? error : new RpcError(RpcCode.refused, failure);
    }
  }
}

const template = {
  uriTemplate: 'a2a-task://{taskId}/artifacts/{artifactId}',
  name: 'artifact',
  title: 'An artifact of a task',
  description: 'What an agent produced; task_id is in the result of its tool.',
};

function contentsOf(uri: string, { parts }: Artifact): JsonObject[] {
  return parts.map((part) => ({ uri, ...contentOf(part) }));
}

function contentOf({ raw, text, url, data, mediaType }: Part): JsonObject {
  if (raw !== undefined) return { mimeType: mediaType ?? 'application/octet-stream', blob: raw };
  if (text !== undefined) return { mimeType: mediaType ?? 'text/plain', text };
  if (url !== undefined) return { mimeType: 'text/uri-list', text: url };
  return { mimeType: 'application/json', text: JSON.stringify(data) };
}

const notFound = (uri: string): RpcError =>
  new RpcError(RpcCode.resourceNotFound, `Resource not found: ${uri}`, { uri });
