export { ExpressionError, type ExpressionFault } from './expression-error.js';
export { ExpressionsModule } from './expressions.module.js';
export { Expressions } from './expressions.js';
export { type Scope } from './scope.js';
export { isExpression } from './template.js';
