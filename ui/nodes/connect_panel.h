// SPDX-License-Identifier: GPL-3.0-or-later
// Adding a node or changing one: over an SSH tunnel or by address, its token, and what a test of it finds, step by
// step.
#pragma once

#include "ui/nodes/node_book.h"
#include "ui/nodes/remote_link.h"

#include <QWidget>

#include <memory>

class QComboBox;
class QLabel;
class QLineEdit;
class QPushButton;
class QSpinBox;
class QTabBar;
class QVBoxLayout;

namespace fulgurite {

class NodeHub;
class ThemeManager;

class ConnectPanel : public QWidget {
    Q_OBJECT

  public:
    ConnectPanel(ThemeManager& themes, NodeHub& hub, QWidget* parent = nullptr);
    ~ConnectPanel() override;

    void beginNew();
    void edit(const QString& id);
    void setAddress(const QString& address); // of a new one
    bool test();                             // false: the fields say nothing usable yet

  signals:
    void done(const QString& id); // added or changed
    void cancelled();

  private:
    void build();
    NodeEntry entryFromFields() const;
    QString problem() const; // what is missing; empty: nothing
    void showRoute();
    void showSteps();
    void accept();
    void loadHosts();

    ThemeManager& themes_;
    NodeHub& hub_;
    QTabBar* route_;
    QLabel* host_label_;
    QComboBox* host_;
    QLabel* port_label_;
    QSpinBox* port_;
    QLabel* behind_label_;
    QLineEdit* behind_; // the machine that the tunnel's end asks
    QLabel* address_label_;
    QLineEdit* address_;
    QLabel* fingerprint_label_;
    QLineEdit* fingerprint_;
    QLabel* note_;
    QLineEdit* name_;
    QLineEdit* model_;
    QLineEdit* token_;
    QPushButton* show_token_;
    QWidget* steps_;
    QVBoxLayout* step_rows_;
    QPushButton* trust_;
    QPushButton* test_;
    QPushButton* accept_;
    QString editing_; // empty: a new one
    std::unique_ptr<SecretStore> trial_secrets_;
    std::unique_ptr<RemoteLink> trial_;
};

} // namespace fulgurite
