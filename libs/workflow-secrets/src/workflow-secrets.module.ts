import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Resealing } from './resealing.js';
import { WorkflowSecretRow } from './workflow-secret.entity.js';
import { WorkflowSecretsController } from './workflow-secrets.controller.js';
import { WorkflowSecrets } from './workflow-secrets.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([WorkflowSecretRow])],
  controllers: [WorkflowSecretsController],
  providers: [WorkflowSecrets, Resealing],
  exports: [WorkflowSecrets],
})
export class WorkflowSecretsModule {}
