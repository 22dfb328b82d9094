// SPDX-License-Identifier: GPL-3.0-or-later
// Entry point of the desktop.
#include "ui/base/theme_manager.h"

#include <QApplication>

int main(int argc, char** argv) {
    QApplication application(argc, argv);
    fulgurite::ThemeManager themes;
    themes.apply();
    return 0;
}
