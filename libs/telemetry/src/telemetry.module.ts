import { type DynamicModule, Global, Module, type Type } from '@nestjs/common';
import { PrometheusModule } from '@willsoto/nestjs-prometheus';
import { Metrics } from './metrics.js';
import { Traces } from './traces.js';

/** How often the delay of the event loop is sampled. At prom-client's 10 ms, waking up is most of what an idle replica uses. */
const LOOP_SAMPLE_MS = 100;

@Global()
@Module({ providers: [Metrics, Traces], exports: [Metrics, Traces] })
export class TelemetryModule {
  /** @param controller serves the Prometheus text; who may read it is the server's decision. */
  static forRoot(controller: Type): DynamicModule {
    return {
      module: TelemetryModule,
      imports: [
        PrometheusModule.register({
          controller,
          path: '/metrics',
          defaultMetrics: { enabled: true, config: { eventLoopMonitoringPrecision: LOOP_SAMPLE_MS } },
        }),
      ],
    };
  }
}
