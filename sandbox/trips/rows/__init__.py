"""The table: every row, in an order in which each comes after what it refers to."""

from . import (applications, compute, data, foundation, learning, messaging, models, network, oversight, security,
               things)

ALL = (*foundation.ROWS, *messaging.ROWS, *network.ROWS, *compute.ROWS, *data.ROWS, *security.ROWS, *applications.ROWS,
       *learning.ROWS, *models.ROWS, *oversight.ROWS, *things.ROWS)
