// SPDX-License-Identifier: GPL-3.0-or-later
// The Nodes page: every node the window knows at left, the chosen one in the middle, the form that connects one at
// right. Which node answers in a conversation is chosen on the Prompt page.
#pragma once

#include "ui/shell/page.h"

#include <QSet>

class QLabel;
class QProcess;
class QPushButton;

namespace fulgurite {

class CertificateNotice;
class ConnectPanel;
class NodeHub;
class NodeList;
class NodeView;
class ReconnectNotice;

class NodesPage : public Page {
    Q_OBJECT

  public:
    explicit NodesPage(const ShellContext& context);
    ~NodesPage() override;

    QWidget* headerWidget() override;
    void activated() override;
    QJsonObject saveSession() const override;
    void restoreSession(const QJsonObject& session) override;
    QList<PictureScene> pictureScenes() override;

    NodeList& list() { return *list_; }
    NodeView& view() { return *view_; }
    ConnectPanel& connectPanel() { return *connect_; }

  protected:
    void showEvent(QShowEvent* event) override;
    void hideEvent(QHideEvent* event) override;

  private:
    void build();
    void registerActions();
    void showSummary();
    void choose(const QString& id);
    void watchLink(const QString& id);
    void tellCertificate(const QString& id);
    void usePrompt(const QString& id);
    void beginAdding();
    void beginEditing(const QString& id);
    void remove(const QString& id);
    void openMenu(const QString& id, const QPoint& global);
    void showConnectPanel(bool shown);

    NodeHub& hub_;
    QWidget* header_;
    QLabel* summary_;
    QPushButton* add_;
    NodeList* list_;
    QLabel* foot_;
    NodeView* view_;
    ReconnectNotice* reconnect_;
    CertificateNotice* certificate_;
    ConnectPanel* connect_;
    QSet<QString> told_certificates_; // that changed, each once
    QList<QProcess*> scene_nodes_;    // of pictures
};

} // namespace fulgurite
