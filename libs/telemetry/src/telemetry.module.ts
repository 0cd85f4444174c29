import { type DynamicModule, Global, Module, type Type } from '@nestjs/common';
import { PrometheusModule } from '@willsoto/nestjs-prometheus';
import { Metrics } from './metrics.js';

@Global()
@Module({ providers: [Metrics], exports: [Metrics] })
export class TelemetryModule {
  /** @param controller serves the Prometheus text; who may read it is the server's decision. */
  static forRoot(controller: Type): DynamicModule {
    return {
      module: TelemetryModule,
      imports: [PrometheusModule.register({ controller, path: '/metrics', defaultMetrics: { enabled: true } })],
    };
  }
}
