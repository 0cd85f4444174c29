import { type DynamicModule, Module } from '@nestjs/common';
import { ControlModule } from '@app/control';
import { TasksModule } from '@app/tasks';
import { Connections } from './connections.js';
import { Credentials } from './credentials.js';
import { ABOUT, type About, Reception } from './reception.js';
import { StreamServices } from './stream-services.js';
import { StreamingGateway } from './streaming.gateway.js';

@Module({})
export class StreamingModule {
  /** @param about what clients are told about this server */
  static forRoot(about: About): DynamicModule {
    return {
      module: StreamingModule,
      imports: [ControlModule, TasksModule],
      providers: [
        StreamingGateway,
        Connections,
        Credentials,
        Reception,
        StreamServices,
        { provide: ABOUT, useValue: about },
      ],
      exports: [StreamingGateway],
    };
  }
}
