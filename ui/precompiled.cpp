// SPDX-License-Identifier: GPL-3.0-or-later
// Gives the library a source of its own; every other file is added by its folder.
#include "ui/precompiled.h"
