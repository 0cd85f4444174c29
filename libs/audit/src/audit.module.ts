import { Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Anchors } from './anchors.js';
import { AuditAnchorRow } from './audit-anchor.entity.js';
import { AuditRow } from './audit-row.entity.js';
import { AuditTrail } from './audit-trail.js';
import { Audit } from './audit.js';
import { AuditController } from './audit.controller.js';
import { PendingEventRow } from './pending-event.entity.js';
import { Sealer } from './sealer.js';

@Global()
@Module({
  imports: [TypeOrmModule.forFeature([AuditRow, AuditAnchorRow, PendingEventRow])],
  controllers: [AuditController],
  providers: [Anchors, Audit, AuditTrail, Sealer],
  exports: [Audit],
})
export class AuditModule {}
