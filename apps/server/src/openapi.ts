import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { VERSION } from './version.js';

/** `GET /api/openapi.json` and, for people, `GET /api/docs`. */
export function serveOpenApi(app: NestFastifyApplication): void {
  const info = new DocumentBuilder()
    .setTitle('A2A MCP Server')
    .setDescription('Register A2A agents; MCP clients call them at `/mcp`. Errors are problem documents (RFC 9457).')
    .setVersion(VERSION)
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addBearerAuth({ type: 'http', description: 'An API key.' })
    .addSecurityRequirements('bearer')
    .build();
  SwaggerModule.setup('api/docs', app, () => withMcp(SwaggerModule.createDocument(app, info)), {
    jsonDocumentUrl: 'api/openapi.json',
    yamlDocumentUrl: 'api/openapi.yaml',
  });
}

/** MCP is answered before the router, so it is described by hand. */
function withMcp(document: OpenAPIObject): OpenAPIObject {
  const summary = 'MCP Streamable HTTP (2026-07-28 and 2025-11-25 to 2024-11-05)';
  const responses = { 200: { description: 'A JSON-RPC message, or an event stream of them.' } };
  const requestBody = { required: true, content: { 'application/json': { schema: { type: 'object' as const } } } };
  document.paths['/mcp'] = {
    post: { tags: ['MCP'], summary, operationId: 'mcpPost', requestBody, responses },
    get: { tags: ['MCP'], summary: 'Server messages of a legacy session', operationId: 'mcpGet', responses },
    delete: { tags: ['MCP'], summary: 'Ends a legacy session', operationId: 'mcpDelete', responses },
  };
  return document;
}
