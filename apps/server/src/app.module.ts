import { type DynamicModule, Module, StandardSchemaValidationPipe } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { AgentsModule } from '@app/agents';
import { AuditModule } from '@app/audit';
import { CacheModule } from '@app/cache';
import { type Config, ConfigModule, ServerInfo } from '@app/config';
import { DatabaseModule } from '@app/database';
import { McpModule } from '@app/mcp';
import { OutboundModule } from '@app/outbound';
import { PermissionsModule } from '@app/permissions';
import { RateLimitsModule } from '@app/rate-limits';
import { SecretsModule } from '@app/secrets';
import { StreamingModule } from '@app/streaming';
import { TelemetryModule } from '@app/telemetry';
import { WorkflowsModule } from '@app/workflows';
import { WorkflowSecretsModule } from '@app/workflow-secrets';
import { migrations } from '@migrations';
import { Dependencies, HealthController } from './health.controller.js';
import { MetricsController } from './metrics.controller.js';
import { ProblemFilter } from './problem.filter.js';
import { StatusController } from './status.controller.js';
import { SERVICE, VERSION } from './version.js';

@Module({})
export class AppModule {
  static with(config: Config): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.forRoot(config, new ServerInfo(SERVICE, VERSION)),
        TelemetryModule.forRoot(MetricsController),
        SecretsModule,
        DatabaseModule.forRoot(migrations),
        CacheModule,
        OutboundModule,
        AuditModule,
        RateLimitsModule,
        PermissionsModule,
        AgentsModule,
        WorkflowsModule,
        WorkflowSecretsModule,
        McpModule.forRoot({ name: SERVICE, version: VERSION }),
        StreamingModule.forRoot({ name: SERVICE, version: VERSION }),
        TerminusModule.forRoot({ logger: false }),
      ],
      controllers: [HealthController, StatusController],
      providers: [
        Dependencies,
        { provide: APP_PIPE, useClass: StandardSchemaValidationPipe },
        { provide: APP_FILTER, useClass: ProblemFilter },
      ],
    };
  }
}
