import { AbstractWsAdapter } from '@nestjs/websockets';
import { type ServerOptions, WebSocketServer } from 'ws';

/**
 * Nest's seat for `ws`. Messages are JSON-RPC, not Nest's `{event, data}`, and the gateway owns its server: so nothing is
 * dispatched here and nothing is closed.
 */
export class StreamAdapter extends AbstractWsAdapter {
  override create(_port: number, options: ServerOptions = {}): WebSocketServer {
    return new WebSocketServer(options);
  }

  override bindMessageHandlers(): void {
    // The gateway reads its sockets itself.
  }

  override bindClientDisconnect(): void {
    // So does it notice their end.
  }

  override close(): Promise<void> {
    return Promise.resolve();
  }
}
