import { SchedulerServiceDefinition } from '#gen/workers/scheduler/v1/scheduler.ts';
import { type AppTools, implement, type ServiceParts } from '#mesh';
import { schedulerHandlers } from './events.ts';
import { lead } from './lead.ts';
import { schedulerService } from './service.ts';
import { createPlan } from './store.ts';
import type { SchedulerDb } from './tables.ts';

/** What the service consists of; main.ts runs it for real, tests run it in one process. */
export function schedulerParts(
  tools: AppTools<SchedulerDb>,
  { who }: { readonly who: string },
): ServiceParts<SchedulerDb> {
  const { store, events, clock } = tools;
  const plan = createPlan(store);
  const options = { store, plan, events, clock, who };
  tools.lead('scheduler', (signal) => lead(options, signal));
  return {
    services: [implement(SchedulerServiceDefinition, schedulerService(options))],
    consumer: { handlers: schedulerHandlers(plan) },
  };
}
