import { Injectable } from '@nestjs/common';
import { ControlService } from '@app/control';
import type { Access } from '@app/permissions';
import { controlToolsOf } from './control-tools.js';
import { forEverybody, forWhoMay, type Offer } from './offer.js';
import { PermissionTools } from './permission-tools.js';
import { WorkflowTools } from './workflow-tools.js';

/** The tools of the server itself. */
@Injectable()
export class ServerTools {
  readonly offers: readonly Offer[];

  constructor(control: ControlService, { asking, granting }: PermissionTools, workflows: WorkflowTools) {
    this.offers = [
      ...[...controlToolsOf(control), ...asking, workflows.answering].map(forEverybody),
      ...granting.map((tool): Offer => ({ tool, action: 'grants:write', isFor: ({ mayGrant }: Access) => mayGrant })),
      ...workflows.reading.map((tool) => forWhoMay('workflows:read', tool)),
      forWhoMay('workflows:run', workflows.starting),
      forWhoMay('workflows:write', workflows.writing),
    ];
  }
}
