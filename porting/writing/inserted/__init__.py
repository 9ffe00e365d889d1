"""Functions and layers that are copied into what is written, where a model needs them.

Each reads the names that a written file imports and others of them, which are then copied, too.
"""

from porting.writing.inserted.functions import accumulated as accumulated
from porting.writing.inserted.functions import adaptive_pool as adaptive_pool
from porting.writing.inserted.functions import attention as attention
from porting.writing.inserted.functions import average_inside as average_inside
from porting.writing.inserted.functions import bordered as bordered
from porting.writing.inserted.functions import distances as distances
from porting.writing.inserted.functions import grid_sample as grid_sample
from porting.writing.inserted.functions import grid_sum as grid_sum
from porting.writing.inserted.functions import not_written as not_written
from porting.writing.inserted.functions import overlap_add as overlap_add
from porting.writing.inserted.functions import pad_edge as pad_edge
from porting.writing.inserted.functions import pad_wrap as pad_wrap
from porting.writing.inserted.functions import resize_antialiased as resize_antialiased
from porting.writing.inserted.functions import resize_cubic as resize_cubic
from porting.writing.inserted.functions import resize_linear as resize_linear
from porting.writing.inserted.functions import resize_nearest as resize_nearest
from porting.writing.inserted.own_layers import DilatedConv1D as DilatedConv1D
from porting.writing.inserted.own_layers import DilatedConv2D as DilatedConv2D
from porting.writing.inserted.own_layers import DilatedConv3D as DilatedConv3D
from porting.writing.inserted.own_layers import GroupedConv1DTranspose as GroupedConv1DTranspose
from porting.writing.inserted.own_layers import GroupedConv2DTranspose as GroupedConv2DTranspose
from porting.writing.inserted.own_layers import GroupedConv3DTranspose as GroupedConv3DTranspose
from porting.writing.inserted.own_layers import Kept as Kept
from porting.writing.inserted.own_layers import Learned as Learned
from porting.writing.inserted.own_layers import RandomLeakyReLU as RandomLeakyReLU
from porting.writing.inserted.own_layers import TransposedConvolution as TransposedConvolution
from porting.writing.inserted.own_layers import conv_in_groups as conv_in_groups
from porting.writing.inserted.own_layers import conv_transpose_in_groups as conv_transpose_in_groups
from porting.writing.inserted.placing import last_at as last_at
from porting.writing.inserted.placing import places_of_maxima as places_of_maxima
from porting.writing.inserted.placing import scattered as scattered
from porting.writing.inserted.placing import unpooled as unpooled
