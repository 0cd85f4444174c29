/** What this server says of itself. */
export class ServerInfo {
  constructor(
    readonly name = 'a2a-mcp-server',
    readonly version = '0.0.0',
  ) {}
}
