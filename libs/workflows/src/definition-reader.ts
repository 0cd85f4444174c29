import { AgentDirectory, resourceOf } from '@app/agents';
import type { Caller } from '@app/core';
import { agentsOf, type Definition, expressionsOf, type Problem, readDefinition } from '@app/dsl';
import { Expressions } from '@app/expressions';
import { Permissions } from '@app/permissions';
import { Injectable } from '@nestjs/common';

type Read =
  | { readonly definition: Definition; readonly problems: readonly [] }
  | { readonly definition?: undefined; readonly problems: readonly Problem[] };

/** Reads definitions: the language, the expressions in it, and the agents that it names. */
@Injectable()
export class DefinitionReader {
  constructor(
    private readonly expressions: Expressions,
    private readonly directory: AgentDirectory,
    private readonly permissions: Permissions,
  ) {}

  async read(caller: Caller, source: string | object): Promise<Read> {
    const { definition, problems } = await this.examine(caller, source);
    return definition === undefined || problems.length > 0 ? { problems } : { definition, problems: [] };
  }

  /** Also what is well written, but names agents that the caller may not see. */
  async examine(
    caller: Caller,
    source: string | object,
  ): Promise<{ readonly definition?: Definition; readonly problems: readonly Problem[] }> {
    const { definition, problems } = readDefinition(source);
    if (definition === undefined) return { problems };
    const bad = await this.badExpressions(definition);
    const unknown = await this.unknownAgents(caller, definition);
    return { ...(bad.length === 0 && { definition }), problems: [...bad, ...unknown] };
  }

  private async badExpressions(definition: Definition): Promise<Problem[]> {
    const all = expressionsOf(definition).map(async ({ path, expression, variables }) => {
      const message = await this.expressions.check(expression, variables);
      return message === undefined ? [] : [{ path, message }];
    });
    return (await Promise.all(all)).flat();
  }

  /** What may not be seen is as if it did not exist. */
  private async unknownAgents(caller: Caller, definition: Definition): Promise<Problem[]> {
    const access = await this.permissions.accessOf(caller);
    const problems: Problem[] = [];
    for (const { path, agent, skill } of agentsOf(definition)) {
      const found = await this.directory.findFresh(agent);
      const resource = found && resourceOf(found, skill);
      if (resource === undefined || !access.allows('agents:read', resource))
        problems.push({
          path,
          message: `There is no agent ${agent} that you may see${skill ? ` with a skill ${skill}` : ''}.`,
        });
    }
    return problems;
  }
}
