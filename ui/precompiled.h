// SPDX-License-Identifier: GPL-3.0-or-later
// Precompiled: the headers that nearly every file of the desktop includes.
#pragma once

#include <QApplication>
#include <QHash>
#include <QJsonDocument>
#include <QJsonObject>
#include <QPainter>
#include <QString>
#include <QWidget>
#include <QtWidgets>

#include <memory>
#include <optional>
#include <string>
#include <vector>
