"""The loop written out does what torch, one large batch, and `finetune` do."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import tlkit
from tests.small_models import *  # noqa: F401,F403
from tlkit.adamw import adamw_step
from tlkit.early_stopping import EarlyStopping, stopping_point
from tlkit.freezing import parameter_groups
from tlkit.plain_loop import accumulated_step, evaluate, fit, paced_epoch, scaled_step, train_epoch
from tlkit.plans import Phase, Plan
from tlkit.schedules import rate_factor
