import { Config } from '@app/config';
import { Global, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Outbound } from './outbound.js';

@Global()
@Module({
  providers: [{ provide: Outbound, inject: [Config], useFactory: (config: Config) => new Outbound(config.agents) }],
  exports: [Outbound],
})
export class OutboundModule implements OnApplicationShutdown {
  constructor(private readonly outbound: Outbound) {}

  /** Last of all: agents are still told of cancels while others shut down. */
  async onApplicationShutdown(): Promise<void> {
    await this.outbound.close();
  }
}
