import { Injectable } from '@nestjs/common';
@Injectable()
export class A2aCalls {}
